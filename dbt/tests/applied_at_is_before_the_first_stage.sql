-- Anonymizing sets created_at to now.
select applications.source_relation, applications.application_id
from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} as applications
inner join {{ ref('greenhouse_v3', 'greenhouse__application_history') }} as history
    on history.source_relation = applications.source_relation and history.application_id = applications.application_id
where applications.applied_at > history.valid_from
