-- What changes took away, numbered in the order of commits without a hole: a number is taken by the last
-- statements of its transaction, and there is one writer. A node that answers from memory reads on behind
-- the last number that it knows. Old rows go; the latest stays, so that no number is given twice.

CREATE TABLE invalidations (
    number INTEGER PRIMARY KEY,
    -- 1 everything, 2 all tokens, 3 a tenant, 4 a user, 5 a session.
    kind   INTEGER NOT NULL,
    -- The sixteen bytes of an id; NULL for kinds without one.
    id     BLOB,
    at     INTEGER NOT NULL
) STRICT;
