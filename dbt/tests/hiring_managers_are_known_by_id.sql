-- Two people can have one name.
select interviews.*
from {{ ref('greenhouse_v3', 'greenhouse__interview_enhanced') }} as interviews
left join (
    select distinct source_relation, job_id, user_id from {{ ref('greenhouse_v3', 'stg_greenhouse__job_hiring_managers') }}
) as managers
    on managers.source_relation = interviews.source_relation
    and managers.job_id = interviews.job_id
    and managers.user_id = interviews.interviewer_user_id
where interviews.interviewer_is_hiring_manager <> (managers.user_id is not null)
