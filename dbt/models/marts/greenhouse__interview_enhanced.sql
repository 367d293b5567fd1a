{% set now = greenhouse_v3.as_of() %}
{% set today = greenhouse_v3.today() %}
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
        coalesce(interviews.job_id, applications.job_id) as job_id,
        applications.candidate_id,
        applications.full_name as candidate_name,
        applications.current_job_stage as application_current_job_stage,
        applications.status as current_application_status,
        applications.recruiter_name,
        applications.candidate_gender,
        applications.candidate_race,
        applications.candidate_veteran_status,
        applications.candidate_disability_status
    from {{ ref('stg_greenhouse__interviews') }} as interviews
    inner join {{ ref('int_greenhouse__applications') }} as applications
        on applications.source_relation = interviews.source_relation
        and applications.application_id = interviews.application_id
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
        scorecards.status = 'complete' or (scorecards.status is null and scorecards.submitted_at is not null)
            as is_complete
    from {{ ref('stg_greenhouse__scorecards') }} as scorecards
    inner join {{ ref('stg_greenhouse__applications') }} as applications
        on applications.source_relation = scorecards.source_relation
        and applications.id = scorecards.application_id
),

managers as (
    select distinct source_relation, job_id, user_id
    from {{ ref('stg_greenhouse__job_hiring_managers') }}
),

together as (
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
        complete.id as scorecard_id,
        complete.candidate_rating as overall_recommendation,
        complete.submitted_at as scorecard_submitted_at,
        complete.submitter_id as scorecard_submitted_by_user_id,
        complete.updated_at as scorecard_last_updated_at,
        drafts.id is not null as has_draft_scorecard
    from scheduled
    left join {{ ref('stg_greenhouse__interviewers') }} as interviewers
        on interviewers.source_relation = scheduled.source_relation
        and interviewers.interview_id = scheduled.scheduled_interview_id
    left join {{ ref('stg_greenhouse__job_interviews') }} as plans
        on plans.source_relation = scheduled.source_relation and plans.id = scheduled.interview_id
    left join managers
        on managers.source_relation = scheduled.source_relation
        and managers.job_id = scheduled.job_id
        and managers.user_id = interviewers.user_id
    left join scorecards as complete
        on complete.source_relation = interviewers.source_relation
        and complete.id = interviewers.scorecard_id
        and complete.is_complete
    left join scorecards as drafts
        on drafts.source_relation = interviewers.source_relation
        and drafts.id = interviewers.scorecard_id
        and not coalesce(drafts.is_complete, false)
),

measured as (
    select
        *,
        is_scorecard_required
        and coalesce(interviewer_response_status, '') <> 'declined'
        and coalesce(
            case when is_all_day then last_day < {{ today }} else coalesce(end_at, start_at) < {{ now }} end, false
        ) as is_scorecard_due,
        case
            when is_all_day then null
            when scorecard_submitted_at <= coalesce(end_at, start_at) then 0
            else {{ greenhouse_v3.seconds('coalesce(end_at, start_at)', 'scorecard_submitted_at') }} / 3600
        end as hours_to_submit
    from together
)

select
    measured.source_relation,
    {{ greenhouse_v3.key_of(['measured.source_relation', 'scheduled_interview_id', 'interviewer_row_id']) }}
        as interview_scorecard_key,
    scheduled_interview_id,
    interviewer_row_id,
    application_id,
    candidate_id,
    measured.status,
    measured.created_at,
    measured.last_updated_at,
    {{ greenhouse_v3.personal('free_text', 'location') }} as location,
    organizer_user_id,
    {{ greenhouse_v3.personal('employees', 'organizers.name') }} as organizer_name,
    interview_id,
    interview_name,
    measured.job_stage_id,
    stages.stage_name as job_stage,
    start_at,
    end_at,
    is_all_day,
    case when not is_all_day then {{ greenhouse_v3.seconds('start_at', 'end_at') }} / 60 end
        as duration_interview_minutes,
    measured.job_id,
    jobs.job_title,
    {{ greenhouse_v3.personal('employees', 'jobs.hiring_managers') }} as hiring_managers,
    jobs.offices as job_offices,
    jobs.departments as job_departments,
    jobs.parent_departments as job_parent_departments,
    interviewer_user_id,
    {{ greenhouse_v3.personal('employees', 'interviewers.name') }} as interviewer_name,
    {{ greenhouse_v3.personal('employees', 'coalesce(interviewers.email, invited_email)') }} as interviewer_email,
    interviewer_response_status,
    interviewer_is_hiring_manager,
    scorecard_id,
    {{ greenhouse_v3.personal('assessments', 'overall_recommendation') }} as overall_recommendation,
    scorecard_submitted_at,
    scorecard_submitted_by_user_id,
    {{ greenhouse_v3.personal('employees', 'submitters.name') }} as scorecard_submitter_name,
    scorecard_last_updated_at,
    has_draft_scorecard,
    is_scorecard_required,
    is_scorecard_due,
    is_scorecard_due and scorecard_id is null as is_scorecard_missing,
    hours_to_submit,
    hours_to_submit <= {{ var('greenhouse_scorecard_due_hours') }} as is_scorecard_on_time,
    {{ greenhouse_v3.personal('candidates', 'candidate_name') }} as candidate_name,
    application_current_job_stage,
    current_application_status,
    {{ greenhouse_v3.personal('employees', 'recruiter_name') }} as recruiter_name,
    {{ greenhouse_v3.personal('demographics', 'candidate_gender') }} as candidate_gender,
    {{ greenhouse_v3.personal('demographics', 'candidate_disability_status') }} as candidate_disability_status,
    {{ greenhouse_v3.personal('demographics', 'candidate_race') }} as candidate_race,
    {{ greenhouse_v3.personal('demographics', 'candidate_veteran_status') }} as candidate_veteran_status
from measured
left join {{ ref('int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = measured.source_relation and jobs.job_id = measured.job_id
left join {{ ref('int_greenhouse__stages') }} as stages
    on stages.source_relation = measured.source_relation and stages.job_stage_id = measured.job_stage_id
left join {{ ref('int_greenhouse__users') }} as organizers
    on organizers.source_relation = measured.source_relation and organizers.user_id = measured.organizer_user_id
left join {{ ref('int_greenhouse__users') }} as interviewers
    on interviewers.source_relation = measured.source_relation and interviewers.user_id = measured.interviewer_user_id
left join {{ ref('int_greenhouse__users') }} as submitters
    on submitters.source_relation = measured.source_relation
    and submitters.user_id = measured.scorecard_submitted_by_user_id
