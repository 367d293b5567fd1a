{{ config(materialized='table', enabled=var('greenhouse_metrics', false)) }}
-- A row for each day from Greenhouse's first year to a year after now, for the semantic layer.
{% set last_year = (var('greenhouse_as_of', none) or run_started_at.strftime('%Y')) | string %}
{% set spine = dbt.date_spine('day', "cast('2012-01-01' as date)", "cast('" ~ (last_year[:4] | int + 2) ~ "-01-01' as date)") %}
select cast(date_day as date) as date_day
from ({{ spine }}) as days
