-- Months begin on the first and weeks on Monday, whatever the warehouse and the session say.
select cast(week_start as {{ dbt.type_string() }}) as day
from {{ ref('greenhouse_v3', 'greenhouse__interviewer_load') }}
where week_start <> {{ greenhouse_v3.monday_of('week_start') }}
{% for mart, column in [('stage_funnel', 'cohort_month'), ('source_performance', 'cohort_month'), ('openings_monthly', 'month')] %}
union all
select cast({{ column }} as {{ dbt.type_string() }}) as day
from {{ ref('greenhouse_v3', 'greenhouse__' ~ mart) }}
where extract(day from {{ column }}) <> 1
{% endfor %}
