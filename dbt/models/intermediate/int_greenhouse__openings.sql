-- A reopened opening keeps when, why and by whom it was closed; here it does not.
with openings as (
    select
        *,
        coalesce({{ greenhouse_v3.quoted('open') }}, closed_at is null) as is_open
    from {{ ref('greenhouse_v3', 'stg_greenhouse__openings') }}
)

select
    openings.source_relation,
    openings.id as job_opening_id,
    openings.opening_id as opening_text_id,
    openings.job_id,
    openings.opened_at,
    openings.target_start_on,
    openings.is_open,
    case when not openings.is_open then openings.closed_at end as closed_at,
    case when not openings.is_open then openings.application_id end as application_id,
    case when not openings.is_open then reasons.name end as close_reason
    {%- for field in greenhouse_v3.custom_fields('openings') %},
    openings.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from openings
left join {{ ref('greenhouse_v3', 'stg_greenhouse__close_reasons') }} as reasons
    on reasons.source_relation = openings.source_relation and reasons.id = openings.close_reason_id
