{% set now = greenhouse_v3.as_of() %}
with applications as (
    select
        source_relation,
        job_id,
        count(case when not is_prospect then 1 end) as count_applications
        {%- for status in ['active', 'hired', 'rejected'] %},
        count(case when not is_prospect and status = '{{ status }}' then 1 end) as count_{{ status }}_applications
        {%- endfor %}
        {%- for status in ['active', 'converted', 'rejected'] %},
        count(case when is_prospect and status = '{{ status }}' then 1 end) as count_{{ status }}_prospects
        {%- endfor %},
        count(case when count_interviews > 0 then 1 end) as count_interviewed_applications,
        {{ greenhouse_v3.average('case when not is_prospect then days_to_hire end') }} as avg_days_to_hire
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
    group by source_relation, job_id
),

openings as (
    select
        source_relation,
        job_id,
        count(case when is_open then 1 end) as count_active_openings,
        count(case when not is_open then 1 end) as count_closed_openings,
        count(case when is_filled then 1 end) as count_hired_closed_openings,
        max(closed_at) as last_opening_closed_at,
        {{ greenhouse_v3.average('days_to_fill') }} as avg_days_to_fill
    from {{ ref('greenhouse_v3', 'greenhouse__opening_enhanced') }}
    group by source_relation, job_id
),

expected as (
    select source_relation, job_id, sum(hire_probability) as expected_hires
    from {{ ref('greenhouse_v3', 'greenhouse__pipeline') }}
    group by source_relation, job_id
)

select
    jobs.source_relation,
    {{ greenhouse_v3.key_of(['jobs.source_relation', 'jobs.job_id']) }} as job_key,
    jobs.job_id,
    jobs.job_title,
    jobs.requisition_id,
    {{ greenhouse_v3.personal('free_text', 'jobs.notes') }} as notes,
    jobs.status,
    jobs.is_confidential,
    jobs.is_template,
    jobs.created_at,
    jobs.last_updated_at,
    jobs.opened_at,
    jobs.closed_at,
    coalesce(openings.last_opening_closed_at, jobs.closed_at) as last_opening_closed_at,
    {{ greenhouse_v3.days_from_to('jobs.opened_at', 'coalesce(jobs.closed_at, ' ~ now ~ ')') }} as days_open,
    {{ greenhouse_v3.personal('employees', 'jobs.hiring_managers') }} as hiring_managers,
    {{ greenhouse_v3.personal('employees', 'jobs.sourcers') }} as sourcers,
    {{ greenhouse_v3.personal('employees', 'jobs.recruiters') }} as recruiters,
    {{ greenhouse_v3.personal('employees', 'jobs.coordinators') }} as coordinators,
    jobs.offices,
    jobs.office_locations,
    jobs.department_id,
    jobs.departments,
    jobs.parent_departments,
    jobs.department_path
    {%- for column in [
        'count_applications', 'count_active_applications', 'count_hired_applications', 'count_rejected_applications',
        'count_interviewed_applications', 'count_active_prospects', 'count_converted_prospects', 'count_rejected_prospects',
    ] %},
    {{ greenhouse_v3.count_of('applications.' ~ column) }} as {{ column }}
    {%- endfor %}
    {%- for column in ['count_active_openings', 'count_closed_openings', 'count_hired_closed_openings'] %},
    {{ greenhouse_v3.count_of('openings.' ~ column) }} as {{ column }}
    {%- endfor %}
    {%- for column in ['count_live_internal_posts', 'count_live_external_posts'] %},
    {{ greenhouse_v3.count_of('posts.' ~ column) }} as {{ column }}
    {%- endfor %},
    {{ greenhouse_v3.count_of('posts.count_live_locations') }} as count_live_locations,
    openings.avg_days_to_fill,
    applications.avg_days_to_hire,
    coalesce(expected.expected_hires, 0) as expected_hires
    {%- for field in greenhouse_v3.custom_fields('jobs') %},
    jobs.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
{%- for group in ['applications', 'openings', 'expected'] %}
left join {{ group }} on {{ group }}.source_relation = jobs.source_relation and {{ group }}.job_id = jobs.job_id
{%- endfor %}
left join {{ ref('greenhouse_v3', 'int_greenhouse__live_posts') }} as posts
    on posts.source_relation = jobs.source_relation and posts.job_id = jobs.job_id
