-- Rows of a chain whose personal part a purge has still to erase: without it each chunk walks all that
-- were erased before. Acts on the tenant itself keep theirs.

CREATE INDEX audit_personal ON audit (chain, number)
WHERE payload IS NOT NULL AND substr(action, 1, 7) <> 'tenant.';
