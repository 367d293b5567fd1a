select
    interviews.source_relation,
    {{ greenhouse_v3.key_of([
        'interviews.source_relation', 'interviews.scheduled_interview_id', 'interviews.interviewer_row_id', 'ratings.id'
    ]) }} as scorecard_attribute_key,
    interviews.interview_scorecard_key,
    interviews.scheduled_interview_id,
    interviews.interviewer_row_id,
    ratings.id as scorecard_candidate_attribute_id,
    cast(row_number() over (
        partition by interviews.interview_scorecard_key
        order by attributes.sort_order nulls last, ratings.id
    ) - 1 as {{ dbt.type_bigint() }}) as index,
    attributes.name as attribute_name,
    types.name as attribute_category,
    {{ greenhouse_v3.personal('assessments', 'ratings.candidate_attribute_rating') }} as rating,
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
inner join {{ ref('greenhouse_v3', 'stg_greenhouse__scorecard_candidate_attributes') }} as ratings
    on ratings.source_relation = interviews.source_relation and ratings.scorecard_id = interviews.scorecard_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__job_candidate_attributes') }} as attributes
    on attributes.source_relation = ratings.source_relation and attributes.id = ratings.job_candidate_attribute_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__candidate_attribute_types') }} as types
    on types.source_relation = attributes.source_relation and types.id = attributes.candidate_attribute_type_id
