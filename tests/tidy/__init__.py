"""House rules that no other tool checks. Each rule is a function in rules.py and is shown to bite in test_rules.py."""
