-- What the decision of an attempt went by: rule, counter, threshold, window and count of that moment, as
-- JSON with the version of its words. NULL in rows of before.
ALTER TABLE attempts ADD COLUMN decision TEXT;

-- The caller's own id of the request, by which its operator asks; most requests bring none.
ALTER TABLE attempts ADD COLUMN correlation_id TEXT;
CREATE INDEX attempts_by_correlation ON attempts (correlation_id, id) WHERE correlation_id IS NOT NULL;
