"""Every defence, how to take it away, and the attack that then gets through. `test_defences.py` runs this table.

What is removed is the defence alone: a check becomes a check of nothing, a binding binds to nothing. Where the defence
is that something does not exist (a page that runs a command, a header that is believed), removing it means adding it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.attack import (
    removals,
    test_answers_of_another,
    test_argument_injection,
    test_audience_reuse,
    test_commands_in_requests,
    test_default_principal,
    test_default_secrets,
    test_egress_addresses,
    test_header_injection,
    test_host_and_path_tricks,
    test_listing_filters,
    test_open_listeners,
    test_other_tenants,
    test_path_arguments,
    test_rug_pull,
    test_session_ids,
    test_state_handles,
    test_token_passthrough,
    test_trusted_headers,
    test_two_readings,
)
from tests.attack.scene import Attack


@dataclass(frozen=True, slots=True)
class Defence:
    """`test` is the one that fails once `remove` was called."""

    name: str
    remove: Callable[[pytest.MonkeyPatch], None]
    attack: Attack
    test: str


DEFENCES = (
    Defence(
        "signature of every token", removals.signatures, test_default_principal.made_up_authorization,
        "test_default_principal.py::test_nothing_made_up_becomes_a_principal",
    ),
    Defence(
        "keys made at first start", removals.fresh_keys, test_default_secrets.the_vendor_s_own_key,
        "test_default_secrets.py::test_no_other_installation_s_key_is_ours",
    ),
    Defence(
        "secrets are long references", removals.secret_references, test_default_secrets.written_down_or_weak_secrets,
        "test_default_secrets.py::test_a_client_secret_is_a_reference_to_something_long",
    ),
    Defence(
        "Host and Origin", removals.host_and_origin, test_host_and_path_tricks.rebinding,
        "test_host_and_path_tricks.py::test_a_foreign_host_or_origin_is_refused_although_the_token_is_good",
    ),
    Defence(
        "paths are bytes", removals.exact_paths, test_host_and_path_tricks.paths_that_mean_another,
        "test_host_and_path_tricks.py::test_a_path_means_only_what_its_bytes_say",
    ),
    Defence(
        "session handles belong to a grant", removals.handle_owner, test_session_ids.another_principal_s_session,
        "test_session_ids.py::test_a_session_id_is_worth_nothing_to_another_principal",
    ),
    Defence(
        "no page tells", removals.silent_pages, test_session_ids.a_look_around,
        "test_session_ids.py::test_no_page_lists_sessions_servers_or_people",
    ),
    Defence(
        "cursors are bound", removals.sealed_bindings, test_state_handles.another_grant_s_cursor,
        "test_state_handles.py::test_a_cursor_continues_only_its_own_grant_s_list",
    ),
    Defence(
        "requestState is bound", removals.sealed_bindings, test_state_handles.another_grant_s_request_state,
        "test_state_handles.py::test_a_request_state_goes_back_only_with_its_own_request",
    ),
    Defence(
        "event ids are bound", removals.sealed_bindings, test_state_handles.another_session_s_event_id,
        "test_state_handles.py::test_an_event_id_resumes_only_its_own_session_s_stream",
    ),
    Defence(
        "the tenant of every server", removals.tenants, test_other_tenants.every_route_of_another_tenant,
        "test_other_tenants.py::test_no_method_on_any_route_reaches_another_tenant",
    ),
    Defence(
        "metadata for any name", removals.uniform_metadata, test_other_tenants.guessing_server_names,
        "test_other_tenants.py::test_no_page_tells_a_stranger_which_servers_exist",
    ),
    Defence(
        "records are their tenant's", removals.evidence, test_other_tenants.another_tenant_s_evidence,
        "test_other_tenants.py::test_no_record_of_another_tenant_is_seen",
    ),
    Defence(
        "one answer for none and not yours", removals.concealment, test_other_tenants.is_there_a_tool,
        "test_other_tenants.py::test_another_tenant_s_tool_looks_like_none",
    ),
    Defence(
        "lists are cut to the scopes", removals.scopes, test_listing_filters.filters_that_widen,
        "test_listing_filters.py::test_no_filter_shows_more_than_the_grant",
    ),
    Defence(
        "calls are held to the scopes", removals.scopes, test_listing_filters.calling_what_was_not_listed,
        "test_listing_filters.py::test_what_is_not_listed_cannot_be_called",
    ),
    Defence(
        "only Authorization says who", removals.distrust_of_headers, test_trusted_headers.a_header_instead_of_a_token,
        "test_trusted_headers.py::test_no_header_stands_in_for_a_token",
    ),
    Defence(
        "headers decide nothing", removals.header_allow_list, test_trusted_headers.a_header_beside_a_token,
        "test_trusted_headers.py::test_no_header_beside_the_token_changes_anything",
    ),
    Defence(
        "only the broker's credential", removals.header_allow_list, test_trusted_headers.a_header_for_the_server,
        "test_trusted_headers.py::test_no_header_overrides_the_broker_s_credential",
    ),
    Defence(
        "the token is dropped at the edge", removals.dropped_token, test_token_passthrough.where_the_token_goes,
        "test_token_passthrough.py::test_no_byte_of_the_token_leaves",
    ),
    Defence(
        "header values are encoded", removals.header_encoding, test_header_injection.values_that_break_out,
        "test_header_injection.py::test_no_value_breaks_out_of_its_place",
    ),
    Defence(
        "the audience of every token", removals.audience, test_audience_reuse.a_token_at_every_other_endpoint,
        "test_audience_reuse.py::test_a_token_fits_one_endpoint",
    ),
    Defence(
        "lists are kept per grant", removals.views_per_grant, test_answers_of_another.the_last_grant_s_list,
        "test_answers_of_another.py::test_no_list_crosses_grants",
    ),
    Defence(
        "decisions are kept per grant", removals.decisions_per_grant, test_answers_of_another.the_last_grant_s_decision,
        "test_answers_of_another.py::test_no_decision_crosses_grants",
    ),
    Defence(
        "a missing credential is an outage", removals.no_fallback, test_answers_of_another.another_server_s_credential,
        "test_answers_of_another.py::test_no_other_credential_stands_in_for_a_missing_one",
    ),
    Defence(
        "repeated keys", removals.repeated_keys, test_two_readings.repeated_keys,
        "test_two_readings.py::test_a_message_with_two_readings_reaches_no_server[repeated_keys]",
    ),
    Defence(
        "odd-case members", removals.odd_case_members, test_two_readings.odd_case_members,
        "test_two_readings.py::test_a_message_with_two_readings_reaches_no_server[odd_case_members]",
    ),
    Defence(
        "odd-case arguments", removals.odd_case_arguments, test_two_readings.odd_case_arguments,
        "test_two_readings.py::test_a_message_with_two_readings_reaches_no_server[odd_case_arguments]",
    ),
    Defence(
        "one message per body", removals.batches, test_two_readings.batches,
        "test_two_readings.py::test_a_message_with_two_readings_reaches_no_server[batches]",
    ),
    Defence(
        "headers against body", removals.mirrored_headers, test_two_readings.headers_that_lie,
        "test_two_readings.py::test_a_message_with_two_readings_reaches_no_server[headers_that_lie]",
    ),
    Defence(
        "one spelling of a path", removals.normal_paths, test_path_arguments.paths_out_of_the_folder,
        "test_path_arguments.py::test_no_path_leads_out_of_the_folder_policy_names",
    ),
    Defence(
        "no .. in a resource's URI", removals.dotted_uris, test_path_arguments.uris_out_of_the_folder,
        "test_path_arguments.py::test_no_resource_uri_climbs",
    ),
    Defence(
        "a prefix ends with a name", removals.prefix_end, test_path_arguments.a_sibling_with_the_same_start,
        "test_path_arguments.py::test_a_prefix_ends_where_a_name_ends",
    ),
    Defence(
        "policy sees the arguments", removals.forbids, test_argument_injection.arguments_that_become_options,
        "test_argument_injection.py::test_no_argument_becomes_an_option_or_a_command",
    ),
    Defence(
        "definitions are pinned", removals.pins, test_rug_pull.a_definition_that_changed,
        "test_rug_pull.py::test_a_changed_definition_is_withheld_until_approved",
    ),
    Defence(
        "approval of what was reviewed", removals.reviewed_digest,
        test_rug_pull.a_definition_that_changed_after_the_review,
        "test_rug_pull.py::test_an_approval_is_for_the_definition_that_was_reviewed",
    ),
    Defence(
        "no page runs a command", removals.no_commands, test_commands_in_requests.a_body_that_names_a_program,
        "test_commands_in_requests.py::test_no_request_starts_a_program",
    ),
    Defence(
        "no open port", removals.loopback_only, test_open_listeners.an_open_port,
        "test_open_listeners.py::test_no_port_is_open_to_the_outside_in_plain_text",
    ),
    Defence(
        "addresses are judged", removals.address_rules, test_egress_addresses.a_learned_url_that_leads_inside,
        "test_egress_addresses.py::test_a_learned_url_never_leads_inside",
    ),
    Defence(
        "the address judged is dialled", removals.pinned_address, test_egress_addresses.a_name_that_changes_its_answer,
        "test_egress_addresses.py::test_the_address_dialled_is_the_address_checked",
    ),
)  # fmt: skip
