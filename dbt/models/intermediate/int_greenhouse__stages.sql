-- The stages of the jobs' plans in their order. Stages without a sort_order come first.
with stages as (
    select
        source_relation,
        id as job_stage_id,
        job_id,
        name as stage_name,
        sort_order as stage_order,
        coalesce(active, true) as is_stage_active,
        row_number() over (partition by source_relation, job_id order by sort_order nulls first, id) as plan_position
    from {{ ref('greenhouse_v3', 'stg_greenhouse__job_interview_stages') }}
)

select
    *,
    sum(case when is_stage_active then 1 else 0 end) over (
        partition by source_relation, job_id order by plan_position
        rows between unbounded preceding and current row
    ) - case when is_stage_active then 1 else 0 end as active_stages_before,
    sum(case when is_stage_active then 1 else 0 end) over (partition by source_relation, job_id) as active_stages
from stages
