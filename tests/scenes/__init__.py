"""What tests stand on: fakes and real parts put together, one file per part of the domain."""
