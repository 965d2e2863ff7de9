-- Pictures of users, made anew from what was uploaded; one a user, and a new address with each.

CREATE TABLE pictures (
    user_id    BLOB PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- 128 random bits: whoever has them has the picture.
    address    BLOB NOT NULL UNIQUE CHECK (length(address) = 16),
    kind       TEXT NOT NULL CHECK (kind IN ('jpeg', 'png')),
    created_at INTEGER NOT NULL,
    -- The last column: who reads the others reads none of its pages.
    bytes      BLOB NOT NULL
) STRICT;
