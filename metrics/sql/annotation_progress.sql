SELECT
    queue.id,
    (
        SELECT count(*) FROM (
            SELECT 1 FROM metrics_annotation_item AS item
            WHERE item.queue_id = queue.id AND item.state = 'waiting' LIMIT %(most)s
        ) AS waiting
    ),
    (
        SELECT count(*) FROM (
            SELECT 1 FROM metrics_annotation_item AS item WHERE item.queue_id = queue.id LIMIT %(most)s
        ) AS every
    )
FROM unnest(%(queues)s::bigint[]) AS queue (id)
