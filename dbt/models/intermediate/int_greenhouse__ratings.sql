-- The rated attributes of scorecards.
select
    ratings.source_relation,
    ratings.id as rating_id,
    ratings.scorecard_id,
    attributes.sort_order as attribute_order,
    attributes.name as attribute_name,
    types.name as attribute_category,
    ratings.candidate_attribute_rating as rating,
    ratings.note
from {{ ref('greenhouse_v3', 'stg_greenhouse__scorecard_candidate_attributes') }} as ratings
left join {{ ref('greenhouse_v3', 'stg_greenhouse__job_candidate_attributes') }} as attributes
    on attributes.source_relation = ratings.source_relation and attributes.id = ratings.job_candidate_attribute_id
left join {{ ref('greenhouse_v3', 'stg_greenhouse__candidate_attribute_types') }} as types
    on types.source_relation = attributes.source_relation and types.id = attributes.candidate_attribute_type_id
