//! Accept loops for TCP and Unix sockets, with the limits of each connection.
