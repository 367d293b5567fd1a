-- The tags of each candidate: those that were applied, or, for accounts that do not load both of
-- their tables, the candidate's own.
with candidates as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__candidates') }}
),

applied as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__applied_candidate_tags') }}
),

tags as (
    select * from {{ ref('greenhouse_v3', 'stg_greenhouse__candidate_tags') }}
),

own as (
    {{ greenhouse_v3.elements('candidates', 'tags') }}
)

select applied.source_relation, applied.candidate_id, {{ greenhouse_v3.list_of('tags.name') }} as candidate_tags
from applied
inner join tags on tags.source_relation = applied.source_relation and tags.id = applied.candidate_tag_id
where applied.candidate_id is not null
group by applied.source_relation, applied.candidate_id

union all

select source_relation, id as candidate_id, {{ greenhouse_v3.list_of(greenhouse_v3.json_value('element')) }} as candidate_tags
from own
where source_relation not in (
    select source_relation from applied where source_relation in (select source_relation from tags)
)
group by source_relation, id
