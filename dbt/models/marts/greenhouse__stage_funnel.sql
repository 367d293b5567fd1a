with applications as (
    select
        source_relation,
        application_id,
        job_id,
        status,
        {{ greenhouse_v3.month_of(greenhouse_v3.local_date('applied_at')) }} as cohort_month
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
    where is_main_row and not is_prospect
),

visits as (
    select
        history.source_relation,
        history.application_id,
        history.new_stage_id as job_stage_id,
        stages.job_id as stage_job_id,
        stages.plan_position,
        history.days_in_stage,
        row_number() over (
            partition by history.source_relation, history.application_id
            order by history.valid_from desc, history.stage_order desc nulls last, history.application_stage_id desc
        ) = 1 as is_last
    from {{ ref('greenhouse_v3', 'greenhouse__application_history') }} as history
    left join {{ ref('greenhouse_v3', 'int_greenhouse__stages') }} as stages
        on stages.source_relation = history.source_relation and stages.job_stage_id = history.new_stage_id
),

-- The cohort of a job: its applications, and those that entered a stage of its plan. The latter may
-- have been transferred to another job since.
cohort as (
    select
        members.source_relation,
        members.job_id,
        members.application_id,
        max(members.furthest_position) as furthest_position
    from (
        select source_relation, job_id, application_id, cast(null as {{ dbt.type_bigint() }}) as furthest_position
        from applications
        where job_id is not null
        union all
        select source_relation, stage_job_id as job_id, application_id, max(plan_position) as furthest_position
        from visits
        where stage_job_id is not null
        group by source_relation, stage_job_id, application_id
    ) as members
    group by members.source_relation, members.job_id, members.application_id
),

cohort_members as (
    select
        cohort.source_relation,
        cohort.job_id,
        cohort.application_id,
        cohort.furthest_position,
        applications.cohort_month,
        applications.status,
        coalesce(applications.job_id = cohort.job_id, false) as is_still_here,
        coalesce(applications.status = 'hired', false) as is_hired,
        coalesce(applications.status = 'hired' and applications.job_id = cohort.job_id, false) as is_hired_here
    from cohort
    inner join applications
        on applications.source_relation = cohort.source_relation
        and applications.application_id = cohort.application_id
),

stays as (
    select
        source_relation,
        application_id,
        job_stage_id,
        {{ greenhouse_v3.any_of('is_last') }} as is_last,
        sum(days_in_stage) as days,
        count(days_in_stage) as count_days
    from visits
    group by source_relation, application_id, job_stage_id
),

counted as (
    select
        stages.source_relation,
        stages.job_id,
        stages.job_stage_id,
        stages.stage_name,
        stages.stage_order,
        stages.is_stage_active,
        members.cohort_month,
        count(*) as count_applications,
        count(stays.application_id) as count_entered,
        count(case
            when stays.application_id is not null
                or (
                    stages.is_stage_active
                    and (members.furthest_position >= stages.plan_position or members.is_hired_here)
                )
                then 1
        end) as count_reached,
        count(case when stays.application_id is not null and (not stays.is_last or members.is_hired) then 1 end)
            as count_passed,
        count(case when stays.is_last and members.is_still_here and members.status = 'rejected' then 1 end)
            as count_rejected_in_stage,
        count(case when stays.is_last and members.is_still_here and members.status = 'active' then 1 end)
            as count_in_stage,
        count(case when members.is_hired_here then 1 end) as count_hired,
        sum(stays.days) as days,
        sum(stays.count_days) as count_days
    from {{ ref('greenhouse_v3', 'int_greenhouse__stages') }} as stages
    inner join cohort_members as members
        on members.source_relation = stages.source_relation and members.job_id = stages.job_id
    left join stays
        on stays.source_relation = stages.source_relation
        and stays.job_stage_id = stages.job_stage_id
        and stays.application_id = members.application_id
    group by
        stages.source_relation,
        stages.job_id,
        stages.job_stage_id,
        stages.stage_name,
        stages.stage_order,
        stages.is_stage_active,
        members.cohort_month
)

select
    counted.source_relation,
    {{ greenhouse_v3.key_of(['counted.source_relation', 'counted.job_stage_id', 'counted.cohort_month']) }}
        as stage_funnel_key,
    counted.job_id,
    jobs.job_title,
    counted.job_stage_id,
    counted.stage_name,
    counted.stage_order,
    counted.is_stage_active,
    counted.cohort_month,
    counted.count_applications,
    counted.count_entered,
    counted.count_reached,
    counted.count_passed,
    counted.count_rejected_in_stage,
    counted.count_in_stage,
    counted.count_hired,
    {{ greenhouse_v3.rate('counted.count_passed', 'counted.count_entered') }} as pass_rate,
    {{ greenhouse_v3.rate('counted.count_reached', 'counted.count_applications') }} as reach_rate,
    {{ greenhouse_v3.rate('counted.days', 'counted.count_days') }} as avg_days_in_stage
from counted
left join {{ ref('greenhouse_v3', 'int_greenhouse__jobs') }} as jobs
    on jobs.source_relation = counted.source_relation and jobs.job_id = counted.job_id
