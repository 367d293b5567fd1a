{% set now = greenhouse_v3.as_of() %}
with openings as (
    select
        openings.*,
        not openings.is_open and openings.application_id is not null as is_filled,
        case
            when not openings.is_open and openings.application_id is not null
                then coalesce(offers.resolved_at, openings.closed_at)
        end as filled_at,
        offers.starts_on
    from {{ ref('greenhouse_v3', 'int_greenhouse__openings') }} as openings
    left join {{ ref('greenhouse_v3', 'int_greenhouse__offers') }} as offers
        on offers.source_relation = openings.source_relation
        and offers.application_id = openings.application_id
        and offers.is_accepted_offer
)

select
    openings.source_relation,
    {{ greenhouse_v3.key_of(['openings.source_relation', 'openings.job_opening_id']) }} as opening_key,
    openings.job_opening_id,
    openings.opening_text_id,
    openings.job_id,
    jobs.job_title,
    jobs.department_id,
    jobs.departments as job_departments,
    jobs.parent_departments as job_parent_departments,
    jobs.offices as job_offices,
    openings.opened_at,
    openings.target_start_on,
    openings.is_open,
    openings.closed_at,
    openings.close_reason,
    openings.application_id,
    openings.is_filled,
    not openings.is_open and openings.application_id is null as is_cancelled,
    openings.filled_at,
    {{ greenhouse_v3.days_from_to('openings.opened_at', 'openings.filled_at') }} as days_to_fill,
    {{ greenhouse_v3.days_from_to('openings.opened_at', 'coalesce(openings.closed_at, ' ~ now ~ ')') }} as days_open,
    applications.candidate_id,
    applications.sourced_from,
    applications.recruiter_name,
    openings.starts_on,
    {{ greenhouse_v3.date_difference('openings.target_start_on', 'openings.starts_on') }} as days_after_target
    {%- for field in greenhouse_v3.custom_fields('openings') %},
    openings.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from openings
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = openings.source_relation and jobs.job_id = openings.job_id
left join {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    on applications.source_relation = openings.source_relation
    and applications.application_id = openings.application_id
    and applications.is_main_row
