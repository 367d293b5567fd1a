-- The scheduled interviews, a row for each interviewer, with their complete scorecards and drafts.
with interviews as (
    select
        interviews.source_relation,
        interviews.id as scheduled_interview_id,
        interviews.application_id,
        interviews.status,
        interviews.created_at,
        interviews.updated_at as last_updated_at,
        interviews.location,
        interviews.organizer_id as organizer_user_id,
        interviews.job_interview_id as interview_id,
        interviews.starts_at is null and interviews.all_day_start_on is not null as is_all_day,
        coalesce(interviews.starts_at, cast(interviews.all_day_start_on as {{ greenhouse_v3.type_time() }})) as start_at,
        case
            when interviews.starts_at is null and interviews.all_day_start_on is not null
                then cast(interviews.all_day_end_on as {{ greenhouse_v3.type_time() }})
            else interviews.ends_at
        end as end_at,
        coalesce(interviews.all_day_end_on, interviews.all_day_start_on) as last_day,
        coalesce(interviews.job_id, applications.job_id) as job_id
    from {{ ref('greenhouse_v3', 'stg_greenhouse__interviews') }} as interviews
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
        on applications.source_relation = interviews.source_relation
        and applications.id = interviews.application_id
),

-- v3 also lists interviews that are yet to be scheduled, skipped ones and take-home tests
scheduled as (
    select *
    from interviews
    where
        status in ('{{ var('greenhouse_interview_statuses') | join("', '") }}')
        or (status is null and start_at is not null)
),

scorecards as (
    select
        scorecards.*,
        coalesce(scorecards.status = 'complete', scorecards.submitted_at is not null) as is_complete
    from {{ ref('greenhouse_v3', 'stg_greenhouse__scorecards') }} as scorecards
    inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
        on applications.source_relation = scorecards.source_relation
        and applications.id = scorecards.application_id
),

managers as (
    select distinct source_relation, job_id, user_id
    from {{ ref('greenhouse_v3', 'stg_greenhouse__job_hiring_managers') }}
)

select
    scheduled.*,
    interviewers.id as interviewer_row_id,
    interviewers.user_id as interviewer_user_id,
    interviewers.response_status as interviewer_response_status,
    nullif(interviewers.email, '') as invited_email,
    plans.name as interview_name,
    plans.job_interview_stage_id as job_stage_id,
    coalesce(plans.require_scorecard, true) as is_scorecard_required,
    managers.user_id is not null as interviewer_is_hiring_manager,
    case when scorecards.is_complete then scorecards.id end as scorecard_id,
    case when scorecards.is_complete then scorecards.candidate_rating end as overall_recommendation,
    case when scorecards.is_complete then scorecards.submitted_at end as scorecard_submitted_at,
    case when scorecards.is_complete then scorecards.submitter_id end as scorecard_submitted_by_user_id,
    case when scorecards.is_complete then scorecards.updated_at end as scorecard_last_updated_at,
    coalesce(not scorecards.is_complete, false) as has_draft_scorecard
from scheduled
left join {{ ref('greenhouse_v3', 'stg_greenhouse__interviewers') }} as interviewers
    on interviewers.source_relation = scheduled.source_relation
    and interviewers.interview_id = scheduled.scheduled_interview_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__job_interviews') }} as plans
    on plans.source_relation = scheduled.source_relation and plans.id = scheduled.interview_id
left join managers
    on managers.source_relation = scheduled.source_relation
    and managers.job_id = scheduled.job_id
    and managers.user_id = interviewers.user_id
left join scorecards
    on scorecards.source_relation = interviewers.source_relation and scorecards.id = interviewers.scorecard_id
