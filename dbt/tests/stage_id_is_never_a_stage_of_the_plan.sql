-- applications.stage_id is a row of application_stages: the stage of the plan comes from elsewhere.
select marts.*
from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as marts
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__applications') }} as applications
    on applications.source_relation = marts.source_relation and applications.id = marts.application_id
where applications.job_interview_stage_id is not null
    and (marts.current_stage_id is null or marts.current_stage_id <> applications.job_interview_stage_id)
