-- v3 says in_process where v1 and the marts say active.
select source_relation, status from {{ ref('greenhouse_v3', 'greenhouse__application_enhanced') }} where status = 'in_process'
union all
select source_relation, current_status from {{ ref('greenhouse_v3', 'greenhouse__application_history') }}
where current_status = 'in_process' or new_status = 'in_process'
