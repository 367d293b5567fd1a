with applications as (
    select
        *,
        {{ greenhouse_v3.month_of(greenhouse_v3.local_date('applied_at')) }} as cohort_month
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }}
    where is_main_row and not is_prospect
),

offers as (
    select source_relation, application_id, is_accepted
    from {{ ref('greenhouse_v3', 'greenhouse__offer_enhanced') }}
    where is_current
),

counted as (
    select
        applications.source_relation,
        applications.source_id,
        max(applications.sourced_from) as sourced_from,
        max(applications.sourced_from_type) as sourced_from_type,
        applications.cohort_month,
        count(*) as count_applications,
        count(applications.referrer_id) as count_referred,
        count(case when applications.status = 'active' then 1 end) as count_active,
        count(case when applications.status = 'rejected' then 1 end) as count_rejected,
        count(case when applications.status = 'hired' then 1 end) as count_hired,
        count(case when applications.count_interviews > 0 then 1 end) as count_interviewed,
        count(offers.application_id) as count_offered,
        count(case when offers.is_accepted then 1 end) as count_accepted,
        {{ greenhouse_v3.average('applications.days_to_hire') }} as avg_days_to_hire,
        {{ greenhouse_v3.average('applications.pipeline_share') }} as quality
    from applications
    left join offers
        on offers.source_relation = applications.source_relation
        and offers.application_id = applications.application_id
    group by applications.source_relation, applications.source_id, applications.cohort_month
)

select
    source_relation,
    {{ greenhouse_v3.key_of(['source_relation', 'source_id', 'cohort_month']) }} as source_performance_key,
    source_id,
    sourced_from,
    sourced_from_type,
    cohort_month,
    count_applications,
    count_referred,
    count_active,
    count_rejected,
    count_hired,
    count_interviewed,
    count_offered,
    count_accepted,
    {{ greenhouse_v3.rate('count_hired', 'count_applications') }} as hire_rate,
    avg_days_to_hire,
    quality
from counted
