-- The detailed billing export as FOCUS 1.2, one row a charge. Promotions and free tier are credits applied after the fact and
-- become rows of their own; every other credit is a discount of its row. SUM(billed_cost) = cost and all credits.
WITH charges AS (
  SELECT
    r.*,
    IFNULL((SELECT SUM(CAST(c.amount AS NUMERIC)) FROM UNNEST(r.credits) AS c WHERE IFNULL(c.type, '') NOT IN ('PROMOTION', 'FREE_TIER')), 0) AS discount,
    (SELECT COUNT(*) FROM UNNEST(r.credits) AS c WHERE c.type LIKE 'COMMITTED_USAGE_DISCOUNT%') > 0 AS committed,
    DATE(CAST(SUBSTR(r.invoice.month, 1, 4) AS INT64), CAST(SUBSTR(r.invoice.month, 5, 2) AS INT64), 1) AS invoice_month
  FROM gcp_raw_cost AS r
  WHERE r.usage_start_time >= TIMESTAMP(@date) AND r.usage_start_time < TIMESTAMP(DATE_ADD(@date, INTERVAL 1 DAY))
),
all_charges AS (
  SELECT
    c.*,
    CASE c.cost_type
      WHEN 'tax' THEN 'Tax'
      WHEN 'adjustment' THEN 'Adjustment'
      WHEN 'rounding_error' THEN 'Adjustment'
      WHEN 'credit' THEN 'Credit'
      ELSE IF(STARTS_WITH(c.sku.description, 'Commitment'), 'Purchase', 'Usage')
    END AS charge_category,
    CAST(c.cost AS NUMERIC) + c.discount AS billed_cost,
    CAST(c.cost AS NUMERIC) AS contracted_cost,
    CAST(IFNULL(c.cost_at_list, c.cost) AS NUMERIC) AS list_cost,
    CAST(NULL AS STRING) AS credit_name
  FROM charges AS c
  UNION ALL
  SELECT
    c.*,
    'Credit' AS charge_category,
    CAST(p.amount AS NUMERIC) AS billed_cost,
    CAST(0 AS NUMERIC) AS contracted_cost,
    CAST(0 AS NUMERIC) AS list_cost,
    p.name AS credit_name
  FROM charges AS c, UNNEST(c.credits) AS p
  WHERE p.type IN ('PROMOTION', 'FREE_TIER')
)
SELECT
  DATE(a.usage_start_time) AS charge_day,
  a.billed_cost,
  a.billed_cost AS effective_cost,
  a.contracted_cost,
  a.list_cost,
  a.billing_account_id,
  CAST(NULL AS STRING) AS billing_account_name,
  a.currency AS billing_currency,
  TIMESTAMP(a.invoice_month, 'America/Los_Angeles') AS billing_period_start,
  TIMESTAMP(DATE_ADD(a.invoice_month, INTERVAL 1 MONTH), 'America/Los_Angeles') AS billing_period_end,
  a.charge_category,
  IF(a.adjustment_info.id IS NOT NULL AND DATE_TRUNC(DATE(a.usage_start_time, 'America/Los_Angeles'), MONTH) < a.invoice_month, 'Correction', NULL) AS charge_class,
  IFNULL(a.credit_name, a.sku.description) AS charge_description,
  'Usage-Based' AS charge_frequency,
  a.usage_start_time AS charge_period_start,
  a.usage_end_time AS charge_period_end,
  IF(a.charge_category = 'Usage', CAST(a.usage.amount AS NUMERIC), NULL) AS consumed_quantity,
  IF(a.charge_category = 'Usage', a.usage.unit, NULL) AS consumed_unit,
  IF(a.charge_category IN ('Usage', 'Purchase'), CAST(a.usage.amount_in_pricing_units AS NUMERIC), NULL) AS pricing_quantity,
  IF(a.charge_category IN ('Usage', 'Purchase'), a.usage.pricing_unit, NULL) AS pricing_unit,
  IF(a.committed, 'Committed', 'Standard') AS pricing_category,
  a.sku.id AS sku_id,
  a.sku.description AS sku_meter,
  'Google Cloud' AS invoice_issuer_name,
  'Google Cloud' AS provider_name,
  IF(a.transaction_type = 'THIRD_PARTY_RESELLER', IFNULL(a.seller_name, 'Google Cloud'), 'Google Cloud') AS publisher_name,
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
  IF(a.project.id IS NULL, NULL, IFNULL(a.project.name, a.project.id)) AS sub_account_name,
  TO_JSON_STRING(ARRAY(SELECT AS STRUCT l.key, l.value FROM UNNEST(a.labels) AS l ORDER BY l.key)) AS x_labels,
  a.export_time AS x_export_time
FROM all_charges AS a
