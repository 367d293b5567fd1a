with jobs as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__jobs') }}
),

managers as (
    select managers.source_relation, managers.job_id, {{ greenhouse_v3.list_of('users.name') }} as names
    from {{ ref('greenhouse_v3', 'stg_greenhouse__job_hiring_managers') }} as managers
    inner join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as users
        on users.source_relation = managers.source_relation and users.user_id = managers.user_id
    group by managers.source_relation, managers.job_id
),

owners as (
    select
        source_relation,
        job_id
        {%- for role in ['sourcer', 'recruiter', 'coordinator'] %},
        {{ greenhouse_v3.list_of("case when role = '" ~ role ~ "' then name end") }} as {{ role }}s
        {%- endfor %}
    from {{ ref('greenhouse_v3', 'int_greenhouse__job_owners') }}
    group by source_relation, job_id
),

job_offices as (
    {{ greenhouse_v3.elements('jobs', 'office_ids') }}
),

offices as (
    select
        job_offices.source_relation,
        job_offices.id as job_id,
        {{ greenhouse_v3.list_of('offices.name', '; ') }} as names,
        {{ greenhouse_v3.list_of('offices.location', '; ') }} as locations
    from job_offices
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__offices') }} as offices
        on offices.source_relation = job_offices.source_relation
        and offices.id = cast({{ greenhouse_v3.json_value('job_offices.element') }} as {{ dbt.type_bigint() }})
    group by job_offices.source_relation, job_offices.id
)

select
    jobs.source_relation,
    jobs.id as job_id,
    jobs.name as job_title,
    jobs.requisition_id,
    jobs.notes,
    jobs.status,
    coalesce(jobs.confidential, false) as is_confidential,
    jobs.created_at,
    jobs.updated_at as last_updated_at,
    jobs.opened_at,
    case when jobs.status = 'closed' then jobs.closed_at end as closed_at,
    coalesce(jobs.is_template, false) as is_template,
    jobs.department_id,
    managers.names as hiring_managers,
    owners.sourcers,
    owners.recruiters,
    owners.coordinators,
    offices.names as offices,
    offices.locations as office_locations,
    departments.name as departments,
    departments.parent_name as parent_departments,
    departments.path as department_path
    {%- for field in greenhouse_v3.custom_fields('jobs') %},
    jobs.{{ greenhouse_v3.quoted('custom_' ~ field) }}
    {%- endfor %}
from jobs
left join managers on managers.source_relation = jobs.source_relation and managers.job_id = jobs.id
left join owners on owners.source_relation = jobs.source_relation and owners.job_id = jobs.id
left join offices on offices.source_relation = jobs.source_relation and offices.job_id = jobs.id
left join {{ ref('greenhouse_v3', 'int_greenhouse__departments') }} as departments
    on departments.source_relation = jobs.source_relation and departments.department_id = jobs.department_id
