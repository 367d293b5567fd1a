{% set measures = ['count_applications', 'count_interviewed', 'count_offered', 'count_hired'] %}
with applications as (
    select
        applications.source_relation,
        applications.application_id,
        applications.status,
        applications.count_interviews,
        offers.application_id is not null as has_offer,
        cast(extract(year from {{ greenhouse_v3.local_date('applications.applied_at') }}) as integer) as cohort_year
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    left join {{ ref('greenhouse_v3', 'greenhouse__offer_enhanced') }} as offers
        on offers.source_relation = applications.source_relation
        and offers.application_id = applications.application_id
        and offers.is_current
    where applications.is_main_row and not applications.is_prospect
),

-- accounts that have answers of applications that are there
accounts as (
    select distinct applications.source_relation
    from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
    inner join {{ ref('greenhouse_v3', 'int_greenhouse__eeoc') }} as eeoc
        on eeoc.source_relation = applications.source_relation
        and eeoc.application_id = applications.application_id
),

answers as (
    {% for dimension in ['gender', 'race', 'veteran_status', 'disability_status'] %}
    select
        applications.source_relation,
        applications.application_id,
        '{{ dimension }}' as dimension,
        coalesce(nullif(eeoc.{{ dimension }}, ''), '(no answer)') as answer
    from applications
    left join {{ ref('greenhouse_v3', 'int_greenhouse__eeoc') }} as eeoc
        on eeoc.source_relation = applications.source_relation and eeoc.application_id = applications.application_id
    where applications.source_relation in (select source_relation from accounts)
    union all
    {% endfor %}
    select source_relation, application_id, dimension, answer
    from {{ ref('greenhouse_v3', 'int_greenhouse__demographic_answers') }}
),

counted as (
    select
        answers.source_relation,
        answers.dimension,
        answers.answer,
        applications.cohort_year,
        count(*) as count_applications,
        count(case when applications.count_interviews > 0 then 1 end) as count_interviewed,
        count(case when applications.has_offer then 1 end) as count_offered,
        count(case when applications.status = 'hired' then 1 end) as count_hired
    from (select distinct source_relation, application_id, dimension, answer from answers) as answers
    inner join applications
        on applications.source_relation = answers.source_relation
        and applications.application_id = answers.application_id
    group by answers.source_relation, answers.dimension, answers.answer, applications.cohort_year
),

judged as (
    select
        *,
        count_applications < {{ var('greenhouse_min_group_size') }} as is_small,
        sum(case when count_applications < {{ var('greenhouse_min_group_size') }} then 1 else 0 end) over (
            partition by source_relation, dimension, cohort_year
        ) as count_small,
        row_number() over (
            partition by
                source_relation, dimension, cohort_year,
                case when count_applications < {{ var('greenhouse_min_group_size') }} then 1 else 0 end
            order by count_applications, {{ greenhouse_v3.by_bytes('answer') }}
        ) as place
    from counted
),

-- a single small group could be subtracted from the whole, so the next smallest is hidden with it
suppressed as (
    select *, is_small or (count_small = 1 and place = 1) as is_suppressed
    from judged
)

select
    source_relation,
    {{ greenhouse_v3.key_of(['source_relation', 'cohort_year', 'length(dimension)', 'dimension', 'answer']) }}
        as diversity_funnel_key,
    dimension,
    answer,
    cohort_year
    {%- for measure in measures %},
    case when not is_suppressed then {{ measure }} end as {{ measure }}
    {%- endfor %}
    {%- for rate, measure in [('interview_rate', 'count_interviewed'), ('offer_rate', 'count_offered'), ('hire_rate', 'count_hired')] %},
    case when not is_suppressed then {{ greenhouse_v3.rate(measure, 'count_applications') }} end as {{ rate }}
    {%- endfor %},
    is_suppressed
from suppressed
