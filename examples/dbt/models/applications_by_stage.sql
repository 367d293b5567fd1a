-- How many active applications are in each stage of each job. applications.stage_id is a row of application_stages, not a stage of the plan.
select
    jobs.id as job_id,
    jobs.name as job_name,
    stages.name as stage_name,
    count(*) as applications
from {{ source('greenhouse', 'applications') }} as applications
join {{ source('greenhouse', 'jobs') }} as jobs on jobs.id = applications.job_id
join {{ source('greenhouse', 'job_interview_stages') }} as stages on stages.id = applications.job_interview_stage_id
where applications.status = 'in_process'
group by 1, 2, 3
