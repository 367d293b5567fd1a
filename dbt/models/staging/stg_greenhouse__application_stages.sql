{{ greenhouse_v3.stage('application_stages') }}
