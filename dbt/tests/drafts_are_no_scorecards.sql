-- Drafts, interviews of whole days, and scorecards without hours.
select *
from {{ ref('greenhouse_v3', 'greenhouse__interview_enhanced') }}
where (has_draft_scorecard and scorecard_id is not null)
    or (is_all_day and (duration_interview_minutes is not null or hours_to_submit is not null))
    or (hours_to_submit is null) <> (is_scorecard_on_time is null)
    or hours_to_submit < 0
    or (is_scorecard_missing and (scorecard_id is not null or not is_scorecard_due))
