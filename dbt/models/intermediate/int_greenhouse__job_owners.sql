select
    owners.source_relation,
    owners.job_id,
    owners.user_id,
    owners.{{ greenhouse_v3.quoted('type') }} as role,
    users.name
from {{ ref('greenhouse_v3', 'stg_greenhouse__job_owners') }} as owners
left join {{ ref('greenhouse_v3', 'int_greenhouse__users') }} as users
    on users.source_relation = owners.source_relation and users.user_id = owners.user_id
