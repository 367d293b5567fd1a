{{ greenhouse_v3.stage('approval_flows') }}
