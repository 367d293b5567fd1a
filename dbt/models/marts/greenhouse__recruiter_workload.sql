{% set today = greenhouse_v3.today() %}
with open_jobs as (
    select distinct owners.source_relation, owners.user_id, owners.job_id
    from {{ ref('greenhouse_v3', 'int_greenhouse__job_owners') }} as owners
    inner join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
        on jobs.source_relation = owners.source_relation and jobs.job_id = owners.job_id
    where owners.role = 'recruiter'
        and owners.user_id is not null
        and jobs.status = 'open'
        and not jobs.is_template
),

open_openings as (
    select source_relation, job_id, count(*) as count_open_openings
    from {{ ref('greenhouse_v3', 'greenhouse__opening_enhanced') }}
    where is_open
    group by source_relation, job_id
),

jobs as (
    select
        open_jobs.source_relation,
        open_jobs.user_id,
        count(*) as count_open_jobs,
        sum(open_openings.count_open_openings) as count_open_openings
    from open_jobs
    left join open_openings
        on open_openings.source_relation = open_jobs.source_relation and open_openings.job_id = open_jobs.job_id
    group by open_jobs.source_relation, open_jobs.user_id
),

pending_offers as (
    select distinct source_relation, application_id
    from {{ ref('greenhouse_v3', 'greenhouse__offer_enhanced') }}
    where is_pending
),

applications as (
    select
        applications.source_relation,
        applications.recruiter_user_id as user_id,
        count(case when applications.status = 'active' then 1 end) as count_active_applications,
        count(case when applications.status = 'active' and applications.needs_decision then 1 end)
            as count_needs_decision,
        count(case
            when applications.status = 'active'
                and {{ greenhouse_v3.date_difference(
                    greenhouse_v3.local_date('coalesce(applications.last_activity_at, applications.applied_at)'), today
                ) }} > {{ var('greenhouse_idle_days') }}
                then 1
        end) as count_idle_applications,
        count(pending_offers.application_id) as count_pending_offers,
        count(case
            when {{ greenhouse_v3.date_difference(greenhouse_v3.local_date('applications.hired_at'), today) }}
                between 0 and 89
                then 1
        end) as count_hires_90_days
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    left join pending_offers
        on pending_offers.source_relation = applications.source_relation
        and pending_offers.application_id = applications.application_id
    where applications.is_main_row and not applications.is_prospect and applications.recruiter_user_id is not null
    group by applications.source_relation, applications.recruiter_user_id
),

recruiters as (
    select distinct source_relation, user_id
    from (
        select source_relation, user_id from jobs
        union all
        select source_relation, user_id from applications
    ) as users
)

select
    recruiters.source_relation,
    {{ greenhouse_v3.key_of(['recruiters.source_relation', 'recruiters.user_id']) }} as recruiter_workload_key,
    recruiters.user_id as recruiter_user_id,
    {{ greenhouse_v3.personal('employees', 'users.name') }} as recruiter_name,
    coalesce(users.is_deactivated, false) as is_deactivated,
    {{ greenhouse_v3.count_of('jobs.count_open_jobs') }} as count_open_jobs,
    {{ greenhouse_v3.count_of('jobs.count_open_openings') }} as count_open_openings
    {%- for column in [
        'count_active_applications', 'count_needs_decision', 'count_idle_applications', 'count_pending_offers',
        'count_hires_90_days',
    ] %},
    {{ greenhouse_v3.count_of('applications.' ~ column) }} as {{ column }}
    {%- endfor %}
from recruiters
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as users
    on users.source_relation = recruiters.source_relation and users.user_id = recruiters.user_id
left join jobs on jobs.source_relation = recruiters.source_relation and jobs.user_id = recruiters.user_id
left join applications
    on applications.source_relation = recruiters.source_relation and applications.user_id = recruiters.user_id
