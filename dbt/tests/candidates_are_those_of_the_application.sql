-- The candidate of an offer may have been merged into another one.
{% for mart in ['offer_enhanced', 'interview_enhanced', 'application_history'] %}
select marts.source_relation, marts.application_id
from {{ ref('greenhouse_v3', 'greenhouse__' ~ mart) }} as marts
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
    on applications.source_relation = marts.source_relation and applications.id = marts.application_id
where coalesce(marts.candidate_id, -1) <> coalesce(applications.candidate_id, -1)
{{ 'union all' if not loop.last }}
{% endfor %}
