{% set now = greenhouse_v3.as_of() %}
with ordered as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id
            order by entered_at, stage_order nulls first, application_stage_id
        ) as visit_position
    from {{ ref('greenhouse_v3', 'int_greenhouse__visits') }}
),

sequences as (
    select
        *,
        row_number() over (
            partition by source_relation, application_id, job_stage_id order by visit_position
        ) as visit_number,
        lead(entered_at) over (partition by source_relation, application_id order by visit_position) as next_entered_at,
        lead(stage_name) over (partition by source_relation, application_id order by visit_position) as next_stage,
        lead(visit_position) over (partition by source_relation, application_id order by visit_position) is null
            as is_last
    from ordered
),

visits as (
    select
        sequences.*,
        applications.candidate_id,
        applications.status as current_status,
        coalesce(applications.status in ('hired', 'rejected', 'converted'), false) as has_ended,
        coalesce(sequences.stage_job_id, sequences.application_job_id) as job_id,
        coalesce(
            sequences.exited_at,
            sequences.next_entered_at,
            case
                when not sequences.is_last then null
                when coalesce(applications.status, '') not in ('hired', 'rejected', 'converted') then {{ now }}
                when applications.ended_at >= sequences.entered_at then applications.ended_at
            end
        ) as left_at,
        applications.full_name,
        applications.recruiter_name,
        applications.sourced_from,
        applications.sourced_from_type,
        applications.candidate_gender,
        applications.candidate_race,
        applications.candidate_veteran_status,
        applications.candidate_disability_status
    from sequences
    inner join {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
        on applications.source_relation = sequences.source_relation
        and applications.application_id = sequences.application_id
        and applications.is_main_row
),

activities as (
    select visits.source_relation, visits.application_stage_id, count(*) as count_activities
    from visits
    inner join {{ ref('greenhouse_v3', 'int_greenhouse__notes') }} as notes
        on notes.source_relation = visits.source_relation
        and notes.candidate_id = visits.candidate_id
        and coalesce(notes.application_id, visits.application_id) = visits.application_id
        and notes.created_at >= visits.entered_at
        and notes.created_at < coalesce(visits.left_at, {{ now }})
    group by visits.source_relation, visits.application_stage_id
)

select
    visits.source_relation,
    {{ greenhouse_v3.key_of(['visits.source_relation', 'visits.application_stage_id']) }} as application_history_key,
    visits.application_stage_id,
    visits.application_id,
    visits.candidate_id,
    visits.job_stage_id as new_stage_id,
    visits.stage_name as new_stage,
    visits.job_id,
    jobs.job_title,
    {{ greenhouse_v3.personal('employees', 'jobs.hiring_managers') }} as hiring_managers,
    jobs.offices as job_offices,
    jobs.departments as job_departments,
    jobs.parent_departments as job_parent_departments,
    visits.entered_at as valid_from,
    visits.left_at as valid_until,
    {{ greenhouse_v3.days_from_to('visits.entered_at', 'visits.left_at') }} as days_in_stage,
    case when visits.is_last then visits.current_status else 'active' end as new_status,
    visits.current_status,
    visits.is_last and not visits.has_ended as is_current,
    visits.stage_order,
    visits.visit_number,
    visits.next_stage,
    {{ greenhouse_v3.count_of('activities.count_activities') }} as count_activities_in_stage,
    visits.full_name,
    visits.recruiter_name,
    visits.sourced_from,
    visits.sourced_from_type,
    visits.candidate_gender,
    visits.candidate_disability_status,
    visits.candidate_race,
    visits.candidate_veteran_status
from visits
left join activities
    on activities.source_relation = visits.source_relation
    and activities.application_stage_id = visits.application_stage_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = visits.source_relation and jobs.job_id = visits.job_id
