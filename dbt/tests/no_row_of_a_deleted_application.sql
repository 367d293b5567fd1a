-- Children can outlive a deleted application.
{% for mart in ['application_history', 'interview_enhanced', 'offer_enhanced', 'pipeline', 'interview_scorecard_detail'] %}
select marts.source_relation, marts.application_id
from {{ ref('greenhouse_v3', 'greenhouse__' ~ mart) }} as marts
left join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
    on applications.source_relation = marts.source_relation and applications.id = marts.application_id
where applications.id is null
{{ 'union all' if not loop.last }}
{% endfor %}
