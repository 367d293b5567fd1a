select
    interviews.source_relation,
    {{ greenhouse_v3.key_of([
        'interviews.source_relation', 'interviews.scheduled_interview_id', 'interviews.interviewer_row_id', 'ratings.rating_id'
    ]) }} as scorecard_attribute_key,
    interviews.interview_scorecard_key,
    interviews.scheduled_interview_id,
    interviews.interviewer_row_id,
    ratings.rating_id as scorecard_candidate_attribute_id,
    cast(row_number() over (
        partition by interviews.interview_scorecard_key
        order by ratings.attribute_order nulls last, ratings.rating_id
    ) - 1 as {{ dbt.type_bigint() }}) as index,
    ratings.attribute_name,
    ratings.attribute_category,
    {{ greenhouse_v3.personal('assessments', 'ratings.rating') }} as rating,
    {{ greenhouse_v3.personal('free_text', 'ratings.note') }} as note,
    interviews.scorecard_id,
    interviews.overall_recommendation,
    interviews.candidate_name,
    interviews.interviewer_name,
    interviews.interview_name,
    interviews.start_at as interview_start_at,
    interviews.scorecard_submitted_at,
    interviews.application_id,
    interviews.job_id,
    interviews.job_title,
    interviews.hiring_managers
from {{ ref('greenhouse_v3', 'greenhouse__interview_enhanced') }} as interviews
inner join {{ ref('greenhouse_v3', 'int_greenhouse__ratings') }} as ratings
    on ratings.source_relation = interviews.source_relation and ratings.scorecard_id = interviews.scorecard_id
