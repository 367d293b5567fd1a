-- An inactive post is a deleted one, even if it says that it is live.
select jobs.source_relation, jobs.job_id
from {{ ref('greenhouse_v3', 'greenhouse__job_enhanced') }} as jobs
left join {{ ref('greenhouse_v3', 'stg_greenhouse__job_posts') }} as posts
    on posts.source_relation = jobs.source_relation and posts.job_id = jobs.job_id
group by jobs.source_relation, jobs.job_id
having
    max(jobs.count_live_internal_posts + jobs.count_live_external_posts)
    <> sum(case when posts.live and coalesce(posts.active, true) then 1 else 0 end)
