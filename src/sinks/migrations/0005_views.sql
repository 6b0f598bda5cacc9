-- Predictions as they count: one row for each, copies folded, duplicate notices left out.
CREATE OR REPLACE VIEW predictions_final AS
SELECT * EXCEPT (ver)
FROM predictions FINAL
WHERE kind = 'prediction';

-- The latest outcome of each event, by arrival.
CREATE OR REPLACE VIEW outcomes_latest AS
SELECT
    tenant,
    stream,
    event_id,
    argMax(label, (record_time, topic, partition, offset)) AS label,
    argMax(source, (record_time, topic, partition, offset)) AS source,
    argMax(decided_at, (record_time, topic, partition, offset)) AS decided_at,
    argMax(decided_by, (record_time, topic, partition, offset)) AS decided_by,
    argMax(note, (record_time, topic, partition, offset)) AS note,
    max(record_time) AS arrived_at
FROM outcomes
GROUP BY tenant, stream, event_id;

-- Served predictions of the log with what came true; label is null while nothing is known.
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

-- Copies that were inserted and are not merged away yet. Rows that repeat after a crash, not a fault by themselves.
CREATE OR REPLACE VIEW prediction_copies AS
SELECT
    topic,
    partition,
    count() AS raw_rows,
    uniqExact(tenant, stream, offset, role, item) AS final_rows,
    raw_rows - final_rows AS copies
FROM predictions
GROUP BY topic, partition;

-- Bytes on disk by table and tenant: a table's compressed bytes, shared out by rows.
CREATE OR REPLACE VIEW tenant_bytes AS
WITH
    rows_of AS
    (
        SELECT 'predictions' AS table_name, tenant, count() AS tenant_rows FROM predictions GROUP BY tenant
        UNION ALL
        SELECT 'outcomes' AS table_name, tenant, count() AS tenant_rows FROM outcomes GROUP BY tenant
        UNION ALL
        SELECT 'events' AS table_name, tenant, count() AS tenant_rows FROM events GROUP BY tenant
        UNION ALL
        SELECT 'dead_letters' AS table_name, tenant, count() AS tenant_rows FROM dead_letters GROUP BY tenant
    ),
    sizes AS
    (
        SELECT table AS table_name, sum(bytes_on_disk) AS bytes, sum(rows) AS total_rows
        FROM system.parts
        WHERE active AND database = currentDatabase()
        GROUP BY table
    )
SELECT
    rows_of.tenant AS tenant,
    rows_of.table_name AS table_name,
    rows_of.tenant_rows AS rows,
    toUInt64(sizes.bytes * rows_of.tenant_rows / greatest(sizes.total_rows, 1)) AS bytes
FROM rows_of
INNER JOIN sizes ON sizes.table_name = rows_of.table_name;
