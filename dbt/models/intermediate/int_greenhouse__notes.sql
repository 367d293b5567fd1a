select source_relation, id as note_id, candidate_id, application_id, created_at
from {{ ref('greenhouse_v3', 'stg_greenhouse__notes') }}
