{% set now = greenhouse_v3.as_of() %}
{% set today = greenhouse_v3.today() %}
with measured as (
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
    from {{ ref('greenhouse_v3', 'int_greenhouse__interviews') }}
)

select
    measured.source_relation,
    {{ greenhouse_v3.key_of(['measured.source_relation', 'scheduled_interview_id', 'interviewer_row_id']) }}
        as interview_scorecard_key,
    scheduled_interview_id,
    interviewer_row_id,
    measured.application_id,
    applications.candidate_id,
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
    applications.full_name as candidate_name,
    applications.current_job_stage as application_current_job_stage,
    applications.status as current_application_status,
    applications.recruiter_name,
    applications.candidate_gender,
    applications.candidate_disability_status,
    applications.candidate_race,
    applications.candidate_veteran_status
from measured
left join {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    on applications.source_relation = measured.source_relation
    and applications.application_id = measured.application_id
    and applications.is_main_row
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = measured.source_relation and jobs.job_id = measured.job_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__stages') }} as stages
    on stages.source_relation = measured.source_relation and stages.job_stage_id = measured.job_stage_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as organizers
    on organizers.source_relation = measured.source_relation and organizers.user_id = measured.organizer_user_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as interviewers
    on interviewers.source_relation = measured.source_relation and interviewers.user_id = measured.interviewer_user_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as submitters
    on submitters.source_relation = measured.source_relation
    and submitters.user_id = measured.scorecard_submitted_by_user_id
