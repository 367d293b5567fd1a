-- After a transfer, earlier stages belong to another job.
select history.*
from {{ ref('greenhouse_v3', 'greenhouse__application_history') }} as history
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__job_interview_stages') }} as stages
    on stages.source_relation = history.source_relation and stages.id = history.new_stage_id
where stages.job_id is not null and history.job_id <> stages.job_id
