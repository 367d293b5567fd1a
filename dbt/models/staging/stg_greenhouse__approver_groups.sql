{{ greenhouse_v3.stage('approver_groups') }}
