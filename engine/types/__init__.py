"""What the commands of each type do to rows: plain functions of a Transaction, pure of sockets, clocks and reply
texts."""
