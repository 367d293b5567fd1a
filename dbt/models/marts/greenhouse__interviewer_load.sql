with interviews as (
    select
        *,
        {{ greenhouse_v3.monday_of(
            'case when is_all_day then cast(start_at as date) else ' ~ greenhouse_v3.local_date('start_at') ~ ' end'
        ) }} as week_start,
        coalesce(interviewer_response_status, '') = 'declined' as is_declined
    from {{ ref('greenhouse_v3', 'greenhouse__interview_enhanced') }}
    where interviewer_user_id is not null and start_at is not null
),

-- a user can be invited to an interview twice
hours as (
    select source_relation, interviewer_user_id, week_start, sum(minutes) / 60 as interview_hours
    from (
        select
            source_relation,
            interviewer_user_id,
            week_start,
            scheduled_interview_id,
            max(coalesce(duration_interview_minutes, 0)) as minutes
        from interviews
        where not is_declined
        group by source_relation, interviewer_user_id, week_start, scheduled_interview_id
    ) as held
    group by source_relation, interviewer_user_id, week_start
),

counted as (
    select
        source_relation,
        interviewer_user_id,
        max(interviewer_name) as interviewer_name,
        week_start,
        count(distinct case when not is_declined then scheduled_interview_id end) as count_interviews,
        count(distinct case when is_declined then scheduled_interview_id end) as count_declined,
        count(case when is_scorecard_due then 1 end) as count_scorecards_due,
        count(distinct scorecard_id) as count_scorecards_submitted,
        count(case when is_scorecard_on_time then 1 end) as count_scorecards_on_time,
        count(case when is_scorecard_missing then 1 end) as count_scorecards_missing,
        {{ greenhouse_v3.average('hours_to_submit') }} as avg_hours_to_submit
    from interviews
    group by source_relation, interviewer_user_id, week_start
)

select
    counted.source_relation,
    {{ greenhouse_v3.key_of(['counted.source_relation', 'counted.interviewer_user_id', 'counted.week_start']) }}
        as interviewer_load_key,
    counted.interviewer_user_id,
    counted.interviewer_name,
    counted.week_start,
    counted.count_interviews,
    counted.count_declined,
    cast(coalesce(hours.interview_hours, 0) as {{ greenhouse_v3.type_decimal() }}) as interview_hours,
    counted.count_scorecards_due,
    counted.count_scorecards_submitted,
    counted.count_scorecards_on_time,
    counted.count_scorecards_missing,
    counted.avg_hours_to_submit
from counted
left join hours
    on hours.source_relation = counted.source_relation
    and hours.interviewer_user_id = counted.interviewer_user_id
    and hours.week_start = counted.week_start
