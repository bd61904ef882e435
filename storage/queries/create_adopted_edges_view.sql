-- span_edges of adopted rows, as span_edges_view for our own. Parameters: none. Cost: none when it exists.
CREATE MATERIALIZED VIEW IF NOT EXISTS adopted_edges_view TO span_edges AS
SELECT * EXCEPT (ResourceAttributes) FROM adopted_spans
