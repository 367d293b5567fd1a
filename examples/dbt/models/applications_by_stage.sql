-- How many active applications stand in each stage of each job.
select
    jobs.id as job_id,
    jobs.name as job_name,
    stages.name as stage_name,
    count(*) as applications
from {{ source('greenhouse', 'applications') }} as applications
join {{ source('greenhouse', 'jobs') }} as jobs on jobs.id = applications.job_id
join {{ source('greenhouse', 'job_interview_stages') }} as stages on stages.id = applications.stage_id
where applications.rejected_at is null
group by 1, 2, 3
