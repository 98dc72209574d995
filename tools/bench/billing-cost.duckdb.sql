-- configs/gcp/cost/billing_cost.sql as somebody writes it who has DuckDB alone.
WITH charges AS NOT MATERIALIZED (
  SELECT
    r.*,
    coalesce(list_sum(list_transform(list_filter(r.credits, lambda c: c.type NOT IN ('PROMOTION', 'FREE_TIER')), lambda c: c.amount)), 0) AS discount,
    len(list_filter(r.credits, lambda c: c.type LIKE 'COMMITTED_USAGE_DISCOUNT%')) > 0 AS committed,
    make_date(CAST(r.invoice.month[1:4] AS BIGINT), CAST(r.invoice.month[5:6] AS BIGINT), 1) AS invoice_month
  FROM gcp_raw_cost AS r
  WHERE r.usage_start_time >= CAST($date AS TIMESTAMP) AT TIME ZONE 'UTC'
    AND r.usage_start_time < (CAST($date AS TIMESTAMP) + INTERVAL 1 DAY) AT TIME ZONE 'UTC'
),
all_charges AS (
  SELECT
    c.*,
    CASE c.cost_type
      WHEN 'tax' THEN 'Tax'
      WHEN 'adjustment' THEN 'Adjustment'
      WHEN 'rounding_error' THEN 'Adjustment'
      WHEN 'credit' THEN 'Credit'
      ELSE if(starts_with(c.sku.description, 'Commitment'), 'Purchase', 'Usage')
    END AS charge_category,
    c.cost + c.discount AS billed_cost,
    c.cost AS contracted_cost,
    coalesce(c.cost_at_list, c.cost) AS list_cost,
    CAST(NULL AS VARCHAR) AS credit_name
  FROM charges AS c
  UNION ALL
  SELECT c.* EXCLUDE (p), 'Credit', c.p.amount, 0, 0, c.p.name
  FROM (SELECT *, unnest(credits) AS p FROM charges) AS c
  WHERE c.p.type IN ('PROMOTION', 'FREE_TIER')
)
SELECT
  CAST(a.usage_start_time AT TIME ZONE 'UTC' AS DATE) AS charge_day,
  a.billed_cost,
  a.billed_cost AS effective_cost,
  a.contracted_cost,
  a.list_cost,
  a.billing_account_id,
  CAST(NULL AS VARCHAR) AS billing_account_name,
  a.currency AS billing_currency,
  CAST(a.invoice_month AS TIMESTAMP) AT TIME ZONE 'America/Los_Angeles' AS billing_period_start,
  CAST(a.invoice_month + INTERVAL 1 MONTH AS TIMESTAMP) AT TIME ZONE 'America/Los_Angeles' AS billing_period_end,
  a.charge_category,
  if(a.adjustment_info.id IS NOT NULL AND date_trunc('month', a.usage_start_time AT TIME ZONE 'America/Los_Angeles') < a.invoice_month, 'Correction', NULL) AS charge_class,
  coalesce(a.credit_name, a.sku.description) AS charge_description,
  'Usage-Based' AS charge_frequency,
  a.usage_start_time AS charge_period_start,
  a.usage_end_time AS charge_period_end,
  if(a.charge_category = 'Usage', a.usage.amount, NULL) AS consumed_quantity,
  if(a.charge_category = 'Usage', a.usage.unit, NULL) AS consumed_unit,
  if(a.charge_category IN ('Usage', 'Purchase'), a.usage.amount_in_pricing_units, NULL) AS pricing_quantity,
  if(a.charge_category IN ('Usage', 'Purchase'), a.usage.pricing_unit, NULL) AS pricing_unit,
  if(a.committed, 'Committed', 'Standard') AS pricing_category,
  a.sku.id AS sku_id,
  a.sku.description AS sku_meter,
  'Google Cloud' AS invoice_issuer_name,
  'Google Cloud' AS provider_name,
  if(a.transaction_type = 'THIRD_PARTY_RESELLER', coalesce(a.seller_name, 'Google Cloud'), 'Google Cloud') AS publisher_name,
  a.location.region AS region_id,
  a.location.region AS region_name,
  a.location.zone AS availability_zone,
  a.resource.global_name AS resource_id,
  a.resource.name AS resource_name,
  a.service.description AS service_name,
  CASE a.service.description
    WHEN 'Compute Engine' THEN 'Compute'
    WHEN 'Cloud Run' THEN 'Compute'
    WHEN 'Kubernetes Engine' THEN 'Compute'
    WHEN 'Cloud Storage' THEN 'Storage'
    WHEN 'BigQuery' THEN 'Analytics'
    WHEN 'Cloud SQL' THEN 'Databases'
    WHEN 'Networking' THEN 'Networking'
    WHEN 'Cloud Logging' THEN 'Management and Governance'
    WHEN 'Vertex AI' THEN 'AI and Machine Learning'
    ELSE 'Other'
  END AS service_category,
  a.project.id AS sub_account_id,
  if(a.project.id IS NULL, NULL, coalesce(a.project.name, a.project.id)) AS sub_account_name,
  CAST(to_json(list_sort(a.labels)) AS VARCHAR) AS x_labels,
  a.export_time AS x_export_time
FROM all_charges AS a
