"""Administration over a local socket: who is asking comes from the kernel, never from the message."""
