"""Where the world comes in. A surface parses, calls one flow, and renders the answer; it decides nothing."""
