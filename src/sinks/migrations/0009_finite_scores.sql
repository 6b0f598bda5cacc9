-- Older versions stored NaN where a model answered NaN. The views give NULL, so that averages leave such rows out.
CREATE OR REPLACE VIEW predictions_final AS
SELECT * EXCEPT (ver) REPLACE (if(isFinite(score), score, NULL) AS score)
FROM predictions FINAL
WHERE kind = 'prediction';

-- The views over it take their types from it when they are made.
CREATE OR REPLACE VIEW predictions_with_outcomes AS
SELECT
    p.*,
    o.label AS label,
    o.source AS outcome_source,
    o.decided_at AS decided_at,
    o.arrived_at AS outcome_arrived_at
FROM predictions_final AS p
LEFT JOIN
(
    SELECT tenant, stream, event_id, toNullable(label) AS label, source, toNullable(decided_at) AS decided_at, toNullable(arrived_at) AS arrived_at
    FROM outcomes_latest
) AS o ON p.tenant = o.tenant AND p.stream = o.stream AND p.event_id = o.event_id
WHERE p.role = 'served';

CREATE OR REPLACE VIEW predictions_corrected AS
SELECT *
FROM predictions_final
WHERE role = 'served' OR role IN (SELECT concat('replay:', id) FROM replays FINAL WHERE state = 'applied')
ORDER BY tenant, stream, topic, partition, offset, role = 'served', role DESC
LIMIT 1 BY tenant, stream, topic, partition, offset;
