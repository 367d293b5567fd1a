{% set today = greenhouse_v3.today() %}
with openings as (
    select
        source_relation,
        department_id,
        is_open,
        is_cancelled,
        {{ greenhouse_v3.local_date('opened_at') }} as opened_on,
        {{ greenhouse_v3.local_date('closed_at') }} as closed_on,
        {{ greenhouse_v3.local_date('filled_at') }} as filled_on
    from {{ ref('greenhouse_v3', 'greenhouse__opening_enhanced') }}
    where opened_at is not null
),

numbers as (
    {{ dbt.generate_series(1200) }}
),

months as (
    select firsts.source_relation, {{ greenhouse_v3.add_to_date('firsts.month', 'cast(numbers.generated_number - 1 as integer)', 'month') }} as month
    from (
        select source_relation, {{ greenhouse_v3.month_of('min(opened_on)') }} as month
        from openings
        group by source_relation
    ) as firsts
    cross join numbers
),

departments as (
    select distinct source_relation, department_id
    from openings
),

spine as (
    select
        months.source_relation,
        months.month,
        {{ greenhouse_v3.add_to_date('months.month', '1', 'month') }} as next_month,
        departments.department_id
    from months
    inner join departments on departments.source_relation = months.source_relation
    where months.month <= {{ today }}
)

select
    spine.source_relation,
    {{ greenhouse_v3.key_of(['spine.source_relation', 'spine.month', 'spine.department_id']) }} as openings_monthly_key,
    spine.month,
    spine.department_id,
    departments.name as department,
    count(case
        when openings.opened_on >= spine.month and openings.opened_on < spine.next_month
            and openings.opened_on <= {{ today }} then 1
    end) as count_opened,
    count(case
        when openings.filled_on >= spine.month and openings.filled_on < spine.next_month
            and openings.filled_on <= {{ today }} then 1
    end) as count_filled,
    count(case
        when openings.is_cancelled and openings.closed_on >= spine.month and openings.closed_on < spine.next_month
            and openings.closed_on <= {{ today }} then 1
    end) as count_cancelled,
    -- open after the month's last day, or after today in the current month
    count(case
        when openings.opened_on < spine.next_month
            and openings.opened_on <= {{ today }}
            and (
                openings.closed_on is null
                or openings.closed_on >= spine.next_month
                or openings.closed_on > {{ today }}
            ) then 1
    end) as count_open_at_end
from spine
inner join openings
    on openings.source_relation = spine.source_relation
    and coalesce(openings.department_id, -1) = coalesce(spine.department_id, -1)
left join {{ ref('greenhouse_v3', 'int_greenhouse__departments') }} as departments
    on departments.source_relation = spine.source_relation and departments.department_id = spine.department_id
group by spine.source_relation, spine.month, spine.department_id, departments.name
