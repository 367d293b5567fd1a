-- The stages that applications entered. Greenhouse has a row for each stage of the plan, also for
-- those that were never entered.
select
    visits.source_relation,
    visits.id as application_stage_id,
    visits.application_id,
    applications.job_id as application_job_id,
    visits.job_interview_stage_id as job_stage_id,
    visits.entered_at,
    visits.exited_at,
    stages.job_id as stage_job_id,
    stages.stage_name,
    stages.stage_order,
    stages.is_stage_active,
    stages.plan_position,
    stages.active_stages_before
from {{ ref('greenhouse_v3', 'stg_greenhouse__application_stages') }} as visits
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
    on applications.source_relation = visits.source_relation and applications.id = visits.application_id
left join {{ ref('greenhouse_v3', 'int_greenhouse__stages') }} as stages
    on stages.source_relation = visits.source_relation and stages.job_stage_id = visits.job_interview_stage_id
where visits.entered_at is not null
